from small_runs import finished_run, quiet, skeleton_folder, small_config, whole

__all__ = ["finished_run", "quiet", "skeleton_folder", "small_config", "whole"]
