"""What a run learns: classification, regression, images, maps."""
