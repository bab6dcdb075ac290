"""The networks of poses and hands in `src/attentive_rnn/video/networks`, packed from the wheel of MediaPipe 0.10.21.

    pip install mediapipe==0.10.21        # in an environment of its own: it needs protobuf 4
    python tools/pack_networks.py

MediaPipe 1 comes without networks and reads bundles: uncompressed zips of two .tflite files that say how pictures are
normalised. Those of the older wheel do not say it, so it is added: what its graphs did in their options.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import flatbuffers
import mediapipe
from mediapipe.tasks.metadata import metadata_schema_py_generated as schema
from mediapipe.tasks.metadata import schema_py_generated as tflite
from mediapipe.tasks.python.metadata.metadata import MetadataPopulator

MODULES = Path(mediapipe.__file__).parent / "modules"
OUT = Path(__file__).resolve().parents[1] / "src" / "attentive_rnn" / "video" / "networks"
BUNDLES = {  # name in the bundle: file of the wheel, and what it takes: (value - mean) / std
    "pose_landmarker_full.task": {
        "pose_detector.tflite": ("pose_detection/pose_detection.tflite", 127.5, 127.5),
        "pose_landmarks_detector.tflite": ("pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
    },
    "hand_landmarker_full.task": {
        "hand_detector.tflite": ("palm_detection/palm_detection_full.tflite", 0.0, 255.0),
        "hand_landmarks_detector.tflite": ("hand_landmark/hand_landmark_full.tflite", 0.0, 255.0),
    },
}


def main() -> None:
    """Write both bundles."""
    for bundle, networks in BUNDLES.items():
        with zipfile.ZipFile(OUT / bundle, "w", zipfile.ZIP_STORED) as packed:
            for name, (source, mean, std) in networks.items():
                packed.writestr(zipfile.ZipInfo(name), with_metadata((MODULES / source).read_bytes(), mean, std))


def with_metadata(network: bytes, mean: float, std: float) -> bytes:
    """A .tflite file that says how its picture is normalised, and a name for each of its outputs."""
    image, unit, content = schema.TensorMetadataT(), schema.ProcessUnitT(), schema.ContentT()
    image.name, image.content, image.processUnits, image.stats = "image", content, [unit], schema.StatsT()
    image.stats.min, image.stats.max = [(0 - mean) / std], [(255 - mean) / std]
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = schema.ImagePropertiesT()
    content.contentProperties.colorSpace = schema.ColorSpaceType.RGB
    unit.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    unit.options = schema.NormalizationOptionsT()
    unit.options.mean, unit.options.std = [mean], [std]
    graph, metadata = schema.SubGraphMetadataT(), schema.ModelMetadataT()
    graph.inputTensorMetadata, metadata.subgraphMetadata = [image], [graph]
    outputs = tflite.Model.GetRootAsModel(network, 0).Subgraphs(0).OutputsLength()
    graph.outputTensorMetadata = [schema.TensorMetadataT() for _ in range(outputs)]
    for number, output in enumerate(graph.outputTensorMetadata):
        output.name = f"output{number}"
    builder = flatbuffers.Builder(0)
    builder.Finish(metadata.Pack(builder), MetadataPopulator.METADATA_FILE_IDENTIFIER)
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(network)
        file.flush()
        populator = MetadataPopulator.with_model_file(file.name)
        populator.load_metadata_buffer(bytes(builder.Output()))
        populator.populate()
        return Path(file.name).read_bytes()


if __name__ == "__main__":
    main()
