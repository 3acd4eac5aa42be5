"""Use cases: what people said in runs becomes data for fine-tuning a model."""
