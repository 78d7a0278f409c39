variable "environment" {
  type = string
}

variable "cidr" {
  type = string
}

variable "pod_cidr" {
  type = string
}

variable "zones" {
  type    = list(string)
  default = ["eu-west-1a", "eu-west-1b"]
}

variable "office_cidr" {
  type    = string
  default = "192.0.2.0/24"
}

variable "image" {
  type    = string
  default = "ami-0123456789abcdef0"
}

variable "kind" {
  type    = string
  default = "t3.medium"
}

variable "masters" {
  type    = number
  default = 1
}

variable "minions" {
  type = number
}
