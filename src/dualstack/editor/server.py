"""The language server, over standard input and output, by pygls."""

import asyncio
import gc
import os
import sys
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from dualstack import __version__
from dualstack.editor.judge import Judged, judged
from dualstack.editor.positions import Lines, Spot
from dualstack.gather.errors import BadFile
from dualstack.model.finding import Applicability, Edit, Finding, Severity
from dualstack.model.source import Location
from dualstack.review import Review

PAUSE = 0.3
"""Seconds without a key before a document is judged."""

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_NAME = "dualstack"


class Server(LanguageServer):
    """A language server and what it knows of the open documents. `asked` is what the user said of the cluster."""

    def __init__(self, asked: Review) -> None:
        super().__init__(_NAME, __version__, types.TextDocumentSyncKind.Incremental)
        self.asked = asked
        self._texts: dict[str, str] = {}
        self._judged: dict[str, Judged] = {}
        self._due: asyncio.Task[None] | None = None
        self._at_once = asyncio.Lock()

    def changed(self, *, pause: float = 0) -> None:
        """Judge the open documents after a pause, in which nothing else may change."""
        if self._due:
            self._due.cancel()
        self._due = asyncio.get_running_loop().create_task(self._judge(pause))

    async def _judge(self, pause: float) -> None:
        await asyncio.sleep(pause)
        async with self._at_once:
            texts = {path: x.source for path, x in self._documents().items()}
            answers = await asyncio.to_thread(judged, texts, self._folders(), self.asked)
        self._texts, self._judged = texts, dict(answers)
        for path in answers:
            self._publish(path)

    def _publish(self, path: str) -> None:
        known = self.known(path)
        if known:
            (answer, lines), document = known, self._documents()[path]
            found = [*(_of_finding(x, lines) for x in answer.findings), *(_of_error(x, lines) for x in answer.errors)]
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(document.uri, found, document.version)
            )

    def closed(self, uri: str) -> None:
        """Nothing is said of a document that is not open."""
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        self.changed()

    def _documents(self) -> dict[str, TextDocument]:
        """The open documents that are files, by path."""
        return {x.path: x for x in self.workspace.text_documents.values() if x.uri.startswith("file:")}

    def _folders(self) -> list[str]:
        paths = (to_fs_path(x) for x in self.workspace.folders)
        return [x for x in paths if x]

    def known(self, path: str) -> tuple[Judged, Lines] | None:
        """What was said of a document as it is now; None where it has changed since, or is not open."""
        document = self._documents().get(path)
        if document is None or path not in self._judged or document.source != self._texts[path]:
            return None
        return self._judged[path], Lines(document.source, self.workspace.position_codec.client_num_units)

    def edited(self, edits: Sequence[Edit]) -> types.WorkspaceEdit | None:
        """Edits as the editor makes them; None where one is in a file that is not open, or of another text."""
        changes: dict[str, list[types.TextEdit]] = {}
        for edit in edits:
            known = self.known(edit.target) if edit.location else None
            if known is None or edit.location is None:
                return None
            start, end = _exact(edit.location, known[1])
            if known[1].text[start:end] != edit.old:
                return None
            uri = self._documents()[edit.target].uri
            changes.setdefault(uri, []).append(types.TextEdit(_range(start, end, known[1]), edit.new))
        return types.WorkspaceEdit(changes=changes) if changes else None


def _exact(at: Location, lines: Lines) -> tuple[int, int]:
    """The span of an edit, which is empty where it puts something in between."""
    start, end = lines.span(at)
    return (start, start) if (at.end_line, at.end_column) in ((0, 0), (at.line, at.column)) else (start, end)


def _range(start: int, end: int, lines: Lines) -> types.Range:
    return types.Range(types.Position(*lines.spot(start)), types.Position(*lines.spot(end)))


def _of_finding(finding: Finding, lines: Lines) -> types.Diagnostic:
    at = finding.location or Location("", 1)
    message = "\n".join(filter(None, (f"{finding.summary}.", finding.detail, finding.hint)))
    return types.Diagnostic(
        _range(*lines.span(at), lines), message, _SEVERITIES[finding.severity], finding.code, source=_NAME
    )


def _of_error(error: BadFile, lines: Lines) -> types.Diagnostic:
    at = Location(error.file, error.line, error.column or 1)
    return types.Diagnostic(
        _range(*lines.span(at), lines), f"{error.sentence}.", types.DiagnosticSeverity.Error, source=_NAME
    )


def _actions(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    known = server.known(to_fs_path(params.text_document.uri) or "")
    if known is None:
        return []
    answer, lines = known
    first, last = (lines.offset(Spot(x.line, x.character)) for x in (params.range.start, params.range.end))
    found = []
    for finding in answer.findings:
        start, end = lines.span(finding.location) if finding.location else (0, 0)
        edit = server.edited(finding.fix.edits) if finding.fix and start <= last and first <= end else None
        if finding.fix and edit and finding.fix.applicability is not Applicability.MANUAL:
            safe = finding.fix.applicability is Applicability.SAFE
            title = finding.fix.title if safe else f"{finding.fix.title} (changes who can connect)"
            kind, diagnostic = types.CodeActionKind.QuickFix, _of_finding(finding, lines)
            found.append(types.CodeAction(title, kind, [diagnostic], is_preferred=safe, edit=edit))
    return found


def _hover(server: Server, params: types.HoverParams) -> types.Hover | None:
    known = server.known(to_fs_path(params.text_document.uri) or "")
    if known is None:
        return None
    answer, lines = known
    at = lines.offset(Spot(params.position.line, params.position.character))
    spans = [(*lines.span(x.at), x.text) for x in answer.meanings]
    here = [x for x in spans if x[0] <= at <= x[1]]
    if not here:
        return None
    start, end, _ = here[0]
    said = "\n\n".join(dict.fromkeys(x for *_, x in here))
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, said), _range(start, end, lines))


def made(asked: Review) -> Server:
    """A server that is ready to be started."""
    server = Server(asked)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(_: types.DidOpenTextDocumentParams) -> None:
        server.changed()

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(_: types.DidChangeTextDocumentParams) -> None:
        server.changed(pause=PAUSE)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(_: types.DidSaveTextDocumentParams) -> None:
        server.changed()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        return _hover(server, params)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        return _actions(server, params)

    return server


def serve(asked: Review) -> None:
    """Answer an editor until it says that it is done."""
    gc.set_threshold(700)  # a start does without; what runs all day does not
    with open(os.dup(sys.stdout.fileno()), "wb") as out:  # it is closed at the end
        made(asked).start_io(stdout=out)
