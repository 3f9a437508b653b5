"""The section that this plugin adds to the report."""

# All imports stand here: the component is a snapshot of the interpreter after them, and has no files to import from.
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.section import Description, Failure_Denied
from wit_world.imports import facts, process
from wit_world.imports.document import Block_Fields, Field, Value_Bytes


class Section(exports.Section):
    def describe(self):
        summary = "One sentence that says what the section shows"
        wants = ["process", "facts:*"]
        # Settings are described here: the host checks them then, and fills in defaults. See wit/settings.wit.
        return Description("my_plugin", summary, order=0, version="0.1.0", wants=wants, settings=[])

    def render(self, request):
        try:
            resident = process.memory().resident
        except Err as error:
            # A call that is refused raises what the interface declares as its error.
            raise Err(Failure_Denied(error.value))
        fields = []
        if resident is not None:
            fields.append(Field("resident", Value_Bytes(resident)))
        for name in facts.names():
            fields += facts.read(name)
        return [Block_Fields(fields)]
