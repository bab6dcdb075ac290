from explain.runs import feature_run, image_run, number_run, pixel_run, plain_run, planted, skeleton_run

__all__ = ["feature_run", "image_run", "number_run", "pixel_run", "plain_run", "planted", "skeleton_run"]
