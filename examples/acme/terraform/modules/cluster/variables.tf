variable "environment" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_ids" {
  type = object({ masters = string, minions = string, balancer = string })
}

variable "pod_cidr" {
  type = string
}

variable "image" {
  type = string
}

variable "kind" {
  type = string
}

variable "masters" {
  type = number
}

variable "minions" {
  type = number
}
