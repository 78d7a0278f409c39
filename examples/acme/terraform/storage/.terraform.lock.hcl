# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "sandbox.plumbline.invalid/acme/cloud" {
  version     = "0.1.0"
  constraints = "0.1.0"
  hashes = [
    "h1:/lJph3dukH+u5aCbq7RHf7+A7O6dHbibS1jAvX4Oyi4=",
  ]
}
