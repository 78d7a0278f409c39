# For the nodes, which plumbline.yaml hands it to.
output "pod_cidr" {
  value = var.pod_cidr
}

output "pod_cidrs" {
  value = module.cluster.pod_cidrs
}

output "address" {
  value = module.cluster.address
}
