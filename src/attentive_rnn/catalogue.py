"""The data sets and formats by name, each with its title: what `attentive data list` prints without PyTorch.

A test compares it with the sources that data/registry.py gathers, each from the module that reads it.
"""

from __future__ import annotations

INCLUDED = {  # these come with the package, or are generated
    "japanese-vowels": "who of nine men says /ae/: 12 cepstrum coefficients, 7-29 frames, 270 and 370 sequences",
    "basic-motions": "four activities with a smart watch: 6 sensor channels, 100 frames, 40 and 40 sequences",
    "adding": "The adding problem, generated: the sum of two marked numbers of a long sequence",
}
READ = {  # these are read from a path
    "stored": "a set larger than memory: a folder that attentive data convert wrote, whose files are mapped",
    "uea": "UEA time series: X_TRAIN.ts and X_TEST.ts, also .gz and .xz",
    "ucr": "UCR time series: X_TRAIN.tsv and X_TEST.tsv, the class first, also .gz and .xz",
    "ntu-rgbd": "NTU RGB+D 60 or 120 skeletons: a zip or folder of SsssCcccPpppRrrrAaaa.skeleton",
    "ntu-rgb": "NTU RGB+D 60 or 120 frame features: SsssCcccPpppRrrrAaaa_rgb.safetensors",
    "msr-action3d": "MSR-Action3D skeletons: a zip or folder of aNN_sNN_eNN_skeleton3D.txt",
    "utd-mhad": "UTD-MHAD skeletons: a zip or folder of aN_sN_tN_skeleton.mat",
    "sysu": "SYSU 3D HOI skeletons: a zip or folder of PERSON/videoN/sklWorld.mat",
    "jhmdb": "JHMDB frame features or poses: CLASS/CLIP.safetensors or an .npz, and splits.zip",
    "jhmdb-joints": "JHMDB joints: a zip or folder of CLASS/CLIP/joint_positions.mat",
    "shrec17": "SHREC'17 or DHG hand joints: a zip or folder of "
    "gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt",
    "shrec17-depth": "SHREC'17 depth images: shrec17_depth16.npz",
    "sfinge3d": "SFINGE 3D hand skeletons: a zip or folder of Dictionary/GESTURE/INSTANCE.txt",
    "pyskl": "pyskl or mmaction2 skeletons: a .pkl file",
    "keypoints": "key points in JSON of OpenPose, COCO, AlphaPose or MediaPipe: CLASS/CLIP with a file a frame, or "
    "CLASS/CLIP.json",
    "c3d": "motion capture: .c3d files in a folder for each class, or with a .csv that names files and labels",
    "nucla": "Northwestern-UCLA skeletons, cross-view: a zip or folder of aNN_sNN_eNN_vNN.json",
    "cifar": "CIFAR-10 or CIFAR-100: the original binaries, or {train,test}/CLASS/*.jpg, as a folder or an archive",
    "mref": "the colour of a digit among others, drawn from a folder of MNIST",
    "mdist": "the same, with distractors",
    "mbg": "the same, on pictures of CIFAR",
    "scene-questions": "questions in words about coloured digits, from a folder of MNIST",
    "scene-editing": "recolour the digit that is named, from a folder of MNIST",
    "audio": "sounds: .wav files in a folder for each class, or with a .csv that names files and labels; log-mel "
    "features",
    "arff": "UCR and UEA time series: X_TRAIN.arff and X_TEST.arff, also .gz and .xz",
    "frame-features": "features of videos' frames: a folder for each class with .safetensors files of attentive "
    "features",
    "pixels": "Images pixel by pixel: MNIST's or Fashion-MNIST's files, or CIFAR (binaries, pickles or JPEG)",
    "imdb": "Film reviews, good or bad, as sequences of words: the folder aclImdb, or train.tsv and test.tsv",
    "text": "texts with a class or a number: a .csv, .tsv, .jsonl or .parquet, or CLASS/FILE.txt",
    "npz": "NumPy arrays: an .npz with sequences, lengths, labels and, if known, split, subject, ...",
    "npy": "NumPy arrays: .npy of (N, C, T, V, M) or (N, T, D) with labels beside it, train_label.pkl or y_train.npy",
    "hdf5": "HDF5 and MATLAB files: .h5, .hdf5 or .mat with x, y, lengths, ... as in .npz, or a cell for each sequence",
    "table": "a long table: a .csv, .tsv or .parquet file with columns for sequence, time, features and label",
    "folders": "a folder for each class with a .csv, .txt, .npy or .npz file for each sequence",
}
