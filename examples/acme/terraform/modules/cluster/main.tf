terraform {
  required_providers {
    cloud = { source = "sandbox.plumbline.invalid/acme/cloud" }
  }
}

locals {
  tags  = { Company = "acme", Environment = var.environment }
  nodes = concat(cloud_instance.master, cloud_instance.minion)
}

resource "cloud_instance" "master" {
  count = var.masters

  image              = var.image
  kind               = var.kind
  subnet_id          = var.subnet_ids[count.index % length(var.subnet_ids)]
  security_group_ids = [var.security_group_ids.masters]
  tags               = merge(local.tags, { Name = "${var.environment}-master-${count.index}", Role = "master" })
}

resource "cloud_instance" "minion" {
  count = var.minions

  image              = var.image
  kind               = var.kind
  subnet_id          = var.subnet_ids[count.index % length(var.subnet_ids)]
  security_group_ids = [var.security_group_ids.minions]
  tags               = merge(local.tags, { Name = "${var.environment}-minion-${count.index}", Role = "minion" })
}

# One route per node: the pods of a node are reached through it.
resource "cloud_route_table" "pods" {
  vpc_id = var.vpc_id
  routes = [
    for index, node in local.nodes : { cidr = cidrsubnet(var.pod_cidr, 8, index), instance_id = node.id }
  ]
  tags = merge(local.tags, { Name = "${var.environment}-pods" })
}

resource "cloud_load_balancer" "minions" {
  name               = "${var.environment}-minions"
  vpc_id             = var.vpc_id
  subnet_ids         = var.subnet_ids
  security_group_ids = [var.security_group_ids.balancer]
  port               = 30443
  instance_ids       = cloud_instance.minion[*].id
  tags               = local.tags
}
