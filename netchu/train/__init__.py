"""Training. Needs the [train] extra; nothing outside this room, netchu.models and netchu.export imports torch."""

import os

# Both are read when torch loads its libraries, so they are set here, before any module of this room imports it.
# oneDNN compiles a kernel per layer and shape; its default cache holds fewer than an epoch's widths need.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")
# Threads that spin at barriers make a step up to twenty times slower as soon as another program wants a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
