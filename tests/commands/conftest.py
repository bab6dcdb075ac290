from explain.runs import feature_run, plain_run, skeleton_run

__all__ = ["feature_run", "plain_run", "skeleton_run"]
