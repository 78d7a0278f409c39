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

locals {
  tags = { Company = "acme", Environment = var.environment }
}

resource "cloud_bucket" "uploads" {
  name       = "acme-${var.environment}-uploads"
  versioning = true
  tags       = local.tags
}

resource "cloud_queue" "orders" {
  name               = "acme-${var.environment}-orders"
  visibility_seconds = var.visibility_seconds
  retention_seconds  = var.retention_days * 24 * 3600
  tags               = local.tags
}

output "orders_url" {
  value = cloud_queue.orders.id
}
