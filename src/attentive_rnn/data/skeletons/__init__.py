"""Skeleton data sets and joint layouts."""
