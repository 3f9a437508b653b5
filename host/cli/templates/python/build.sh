# Makes the component my_plugin.wasm of my_plugin.py.
set -e
.venv/bin/componentize-py --wit-path wit --world plugin componentize my_plugin --output my_plugin.wasm
