variable "environment" {
  type = string
}

variable "visibility_seconds" {
  type    = number
  default = 30
}

variable "retention_days" {
  type = number
}
