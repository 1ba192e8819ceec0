"""3-D object detection: how well boxes agree, as nuScenes measures it."""
