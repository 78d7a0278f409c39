terraform {
  required_providers {
    cloud = { source = "sandbox.plumbline.invalid/acme/cloud" }
  }
}

locals {
  tags = { Company = "acme", Environment = var.environment }
}

resource "cloud_vpc" "main" {
  cidr = var.cidr
  tags = merge(local.tags, { Name = "${var.environment}-main" })
}

resource "cloud_subnet" "zone" {
  for_each = { for index, zone in var.zones : zone => index }

  vpc_id = cloud_vpc.main.id
  cidr   = cidrsubnet(var.cidr, 8, each.value)
  zone   = each.key
  tags   = merge(local.tags, { Name = "${var.environment}-${each.key}" })
}

resource "cloud_security_group" "masters" {
  name        = "${var.environment}-masters"
  description = "The API server, from inside only"
  vpc_id      = cloud_vpc.main.id
  ingress = [
    { protocol = "tcp", from_port = 6443, to_port = 6443, cidr = var.cidr },
    { protocol = "tcp", from_port = 22, to_port = 22, cidr = var.office_cidr },
  ]
  tags = local.tags
}

resource "cloud_security_group" "minions" {
  name        = "${var.environment}-minions"
  description = "Node ports from the load balancer, and the cluster itself"
  vpc_id      = cloud_vpc.main.id
  ingress = [
    { protocol = "tcp", from_port = 30000, to_port = 32767, cidr = var.cidr },
    { protocol = "tcp", from_port = 10250, to_port = 10250, cidr = var.cidr },
    { protocol = "tcp", from_port = 22, to_port = 22, cidr = var.office_cidr },
  ]
  tags = local.tags
}

resource "cloud_security_group" "balancer" {
  name        = "${var.environment}-balancer"
  description = "HTTPS for everybody"
  vpc_id      = cloud_vpc.main.id
  ingress = [
    { protocol = "tcp", from_port = 443, to_port = 443, cidr = "0.0.0.0/0" },
  ]
  tags = local.tags
}
