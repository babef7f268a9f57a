"""Noise schedules, samplers and pipelines for diffusion models."""
