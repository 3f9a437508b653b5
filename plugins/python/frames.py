"""Shows in which functions most threads and tasks stand, whatever way they came there.

The report's own sections group identical stacks; this one counts functions across all of them, so that a function
which a thousand different stacks lead through is seen. Frames that the report folds and those of the standard library,
of tokio and of the C library are not counted.

Settings: `rows` (20), how many functions are shown.
"""

# All imports stand here: the component is a snapshot of the interpreter after them, and has no files to import from.
from componentize_py_types import Err
from hot import hot, own
from wit_world import exports
from wit_world.exports.section import (
    Description,
    Failure_Denied,
    Failure_Unavailable,
)
from wit_world.imports import report, settings
from wit_world.imports.document import (
    Block_Heading,
    Block_Paragraph,
    Block_Table,
    Block_Trace,
    Heading,
    Table,
    TraceKind,
    Value_Integer,
    Value_Text,
)
from wit_world.imports.report import ReportError_Denied
from wit_world.imports.settings import Setting, SettingKind

# Few enough blocks at a time to be small, many enough for few calls.
PAGE = 64
SECTIONS = [("threads", "Threads"), ("green_threads", "Tasks")]


class Section(exports.Section):
    """The report's section that this plugin makes."""

    def describe(self):
        return Description(
            title="Hot Frames",
            summary="The functions that most threads and tasks stand in",
            order=0,
            version="0.1.0",
            wants=["report"],
            settings=[
                Setting(
                    key="rows",
                    summary="how many functions are shown",
                    kind=SettingKind.INTEGER,
                    repeated=False,
                    required=False,
                    default=Value_Integer(20),
                    least=1.0,
                    most=1000.0,
                    choices=[],
                )
            ],
        )

    def render(self, request):
        # The host has seen to it that it is a number within its range, or the default.
        limit = settings.get("rows").value
        blocks = []
        for section, title in SECTIONS:
            found, rest = hot(traces(section), limit)
            if found:
                blocks += [Block_Heading(Heading(2, title)), Block_Table(table(found))]
            if rest:
                blocks.append(Block_Paragraph(f"and {rest} more"))
        if not blocks:
            raise Err(Failure_Unavailable("the report has no stack and no chain of awaits"))
        return blocks


def traces(section):
    """The traces of one of the report's sections as `hot` takes them; none if there is no such section."""
    first = 0
    while True:
        try:
            page = report.blocks(section, first, PAGE)
        except Err as error:
            if isinstance(error.value, ReportError_Denied):
                raise Err(Failure_Denied(error.value.value))
            return
        if not page:
            return
        first += len(page)
        for block in page:
            if isinstance(block, Block_Trace):
                trace = block.value
                functions = own(shown(trace.frames))
                standing = sum(not is_reporter(member) for member in trace.members)
                if functions and standing:
                    yield standing, functions, functions[0 if trace.kind == TraceKind.STACK else -1]


def shown(frames):
    """The functions that the report does not fold, inlined ones among them."""
    for frame in frames:
        for call in frame.calls:
            if not (frame.folded or call.folded):
                yield call.function


def is_reporter(member):
    """Whether it is the thread that makes the report: it is only there because of it."""
    return any(field.key == "method" and field.value == Value_Text("own") for field in member.fields)


def table(found):
    rows = [[Value_Text(one.function), Value_Integer(one.standing), Value_Integer(one.innermost)] for one in found]
    return Table(["function", "stand in it", "of these innermost"], rows)
