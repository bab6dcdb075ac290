from explain.runs import feature_run, number_run, plain_run, skeleton_run

__all__ = ["feature_run", "number_run", "plain_run", "skeleton_run"]
