terraform {
  required_version = ">= 1.10"
  backend "s3" {}
  required_providers {
    cloud = {
      source  = "sandbox.plumbline.invalid/acme/cloud"
      version = "0.1.0"
    }
  }
}

module "network" {
  source = "../modules/network"

  environment = var.environment
  cidr        = var.cidr
  zones       = var.zones
  office_cidr = var.office_cidr
}

module "cluster" {
  source = "../modules/cluster"

  environment        = var.environment
  vpc_id             = module.network.vpc_id
  subnet_ids         = module.network.subnet_ids
  security_group_ids = module.network.security_group_ids
  pod_cidr           = var.pod_cidr
  image              = var.image
  kind               = var.kind
  masters            = var.masters
  minions            = var.minions
}
