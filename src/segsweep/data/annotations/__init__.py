"""Draw masks from the polygons of annotation tools: LabelMe, COCO JSON and VGG VIA."""
