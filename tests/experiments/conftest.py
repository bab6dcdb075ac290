from small_runs import finished_run, quiet, skeleton_folder, small_config, turned_table

__all__ = ["finished_run", "quiet", "skeleton_folder", "small_config", "turned_table"]
