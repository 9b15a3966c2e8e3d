"""The language server as a real client of another project sees it, over standard input and output."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.cli.command import ARGV, environ

SECONDS = 30
CONFIG = """receivers:
  otlp:
    protocols:
      grpc: {endpoint: "0.0.0.0:4317"}  # 😀
exporters:
  otlp: {endpoint: fd00::5:4317}
  otlp/gateway: {endpoint: "gateway.telemetry.svc:4317"}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp, otlp/gateway]}}}
"""
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: telemetry}
spec: {selector: {app: gateway}, ports: [{port: 4317}]}
"""


class Editor:
    """A client with one folder, and the diagnostics that it was last told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("test", "1")
        self.told: dict[str, types.PublishDiagnosticsParams] = {}
        self.news = asyncio.Event()

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def hear(params: types.PublishDiagnosticsParams) -> None:
            self.told[params.uri] = params
            self.news.set()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    async def start(self, *words: str, encodings: Sequence[types.PositionEncodingKind] = ()) -> types.InitializeResult:
        await self.client.start_io(*ARGV, "lsp", *words, env=environ(), cwd=self.folder)
        general = types.GeneralClientCapabilities(position_encodings=list(encodings) or None)
        told = await self.client.initialize_async(
            types.InitializeParams(
                types.ClientCapabilities(general=general),
                process_id=os.getpid(),
                workspace_folders=[types.WorkspaceFolder(self.folder.as_uri(), "folder")],
            )
        )
        self.client.initialized(types.InitializedParams())
        return told

    def open(self, name: str, text: str) -> None:
        item = types.TextDocumentItem(self.uri(name), "yaml", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def write(self, name: str, version: int, *changes: types.TextEdit) -> None:
        said = [types.TextDocumentContentChangePartial(x.range, x.new_text) for x in changes]
        document = types.VersionedTextDocumentIdentifier(version, self.uri(name))
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, said))

    async def diagnostics(self, name: str, version: int = 1) -> list[types.Diagnostic]:
        """What is said of a version of a document."""
        async with asyncio.timeout(SECONDS):
            while getattr(self.told.get(self.uri(name)), "version", None) != version:
                self.news.clear()
                await self.news.wait()
        return list(self.told[self.uri(name)].diagnostics)

    async def actions(self, name: str, at: types.Range) -> list[types.CodeAction]:
        document, context = types.TextDocumentIdentifier(self.uri(name)), types.CodeActionContext([])
        found = await self.client.text_document_code_action_async(types.CodeActionParams(document, at, context))
        return [x for x in found or () if isinstance(x, types.CodeAction)]

    async def hover(self, name: str, line: int, character: int) -> str:
        document = types.TextDocumentIdentifier(self.uri(name))
        said = await self.client.text_document_hover_async(types.HoverParams(document, types.Position(line, character)))
        return said.contents.value if said and isinstance(said.contents, types.MarkupContent) else ""

    async def stop(self) -> int | None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        server = self.client._server
        assert server
        status = await asyncio.wait_for(server.wait(), SECONDS)
        await self.client.stop()
        return status


def edited(folder: Path, use: Callable[[Editor], Awaitable[None]], *words: str) -> None:
    """Use an editor that has started the server, and see it end well."""

    async def run() -> None:
        editor = Editor(folder)
        await editor.start(*words)
        await use(editor)
        assert await editor.stop() == 0

    asyncio.run(run())


def span(text: str, part: str) -> types.Range:
    """Where a part of a text of one-line places is, in UTF-16 code units."""
    before = text[: text.index(part)]
    line, start = before.count("\n"), len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
    return types.Range(types.Position(line, start), types.Position(line, start + len(part.encode("utf-16-le")) // 2))


def test_findings_are_shown_while_the_file_is_written(tmp_path: Path) -> None:
    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", CONFIG)
        [found] = [x for x in await editor.diagnostics("collector.yaml") if x.code == "DS101"]
        assert found.severity == types.DiagnosticSeverity.Error
        assert found.range == span(CONFIG, "fd00::5:4317")
        assert "IPv6 address without brackets" in found.message

        editor.write("collector.yaml", 2, types.TextEdit(found.range, '"[fd00::5]:4317"'))
        assert "DS101" not in {x.code for x in await editor.diagnostics("collector.yaml", 2)}

    edited(tmp_path, use)


def test_a_safe_fix_is_preferred_and_is_what_lint_writes(tmp_path: Path) -> None:
    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", CONFIG)
        await editor.diagnostics("collector.yaml")
        at = span(CONFIG, "fd00::5:4317")
        [action] = await editor.actions("collector.yaml", types.Range(at.start, at.start))
        assert action.is_preferred
        assert action.kind == types.CodeActionKind.QuickFix
        assert action.edit
        assert action.edit.changes
        [edit] = action.edit.changes[editor.uri("collector.yaml")]
        assert edit.range == at

        editor.write("collector.yaml", 2, edit)
        assert "DS101" not in {x.code for x in await editor.diagnostics("collector.yaml", 2)}
        assert not await editor.actions("collector.yaml", types.Range(types.Position(0, 0), types.Position(0, 1)))

    edited(tmp_path, use)


def test_a_fix_that_changes_who_can_connect_says_so(tmp_path: Path) -> None:
    text = """receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", transport: tcp4}}}}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""

    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", text)
        found = await editor.diagnostics("collector.yaml")
        [pinned] = [x for x in found if x.code == "DS208"]
        [action] = await editor.actions("collector.yaml", pinned.range)
        assert not action.is_preferred
        assert action.title.endswith("(changes who can connect)")

    edited(tmp_path, use, "--expect", "dual")


def test_what_an_address_means_is_told(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE)

    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", CONFIG)
        await editor.diagnostics("collector.yaml")
        listener = span(CONFIG, "0.0.0.0:4317").start
        said = await editor.hover("collector.yaml", listener.line, listener.character)
        assert "**receivers/otlp** listens on `0.0.0.0:4317` (tcp, grpc)" in said
        assert "where IPv6 is on: binds */dual-stack; clients connect over IPv4 and IPv6" in said
        gateway = span(CONFIG, "gateway.telemetry.svc").start
        said = await editor.hover("collector.yaml", gateway.line, gateway.character + 3)
        assert "**exporters/otlp/gateway** sends to `gateway.telemetry.svc:4317` (grpc)" in said
        assert f"leads to Service gateway ({tmp_path}/service.yaml:3)" in said
        assert not await editor.hover("collector.yaml", 0, 2)

    edited(tmp_path, use)


def test_code_units_are_those_of_utf_16(tmp_path: Path) -> None:
    text = 'exporters: {otlp/😀: {endpoint: "fd00::5:4317"}}\nservice: {pipelines: {traces: {exporters: [otlp/😀]}}}\n'

    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", text)
        [found] = [x for x in await editor.diagnostics("collector.yaml") if x.code == "DS101"]
        assert found.range == span(text, '"fd00::5:4317"')

    edited(tmp_path, use)


def test_another_open_file_counts_as_it_is_in_the_editor(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text("# nothing yet\n")

    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", CONFIG)
        await editor.diagnostics("collector.yaml")
        gateway = span(CONFIG, "gateway.telemetry.svc").start
        assert "stands for nothing in the files" in await editor.hover(
            "collector.yaml", gateway.line, gateway.character
        )
        editor.told.clear()
        editor.open("service.yaml", SERVICE)
        await editor.diagnostics("service.yaml")
        await editor.diagnostics("collector.yaml")
        said = await editor.hover("collector.yaml", gateway.line, gateway.character)
        assert f"leads to Service gateway ({tmp_path}/service.yaml:3)" in said

    edited(tmp_path, use)


def test_what_is_no_yaml_is_told_at_its_place_and_a_closed_file_is_forgotten(tmp_path: Path) -> None:
    text = "receivers:\n  otlp: {protocols: {grpc: [}\n"

    async def use(editor: Editor) -> None:
        editor.open("collector.yaml", text)
        [found] = await editor.diagnostics("collector.yaml")
        assert found.range.start.line == 1
        assert "is not YAML" in found.message
        document = types.TextDocumentIdentifier(editor.uri("collector.yaml"))
        editor.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        assert await editor.diagnostics("collector.yaml", version=None) == []  # type: ignore[arg-type]

    edited(tmp_path, use)


def test_a_file_that_is_no_concern_of_ours_is_left_alone(tmp_path: Path) -> None:
    async def use(editor: Editor) -> None:
        editor.open("notes.yaml", "shopping: [bread, milk]\n")
        assert await editor.diagnostics("notes.yaml") == []

    edited(tmp_path, use)


def test_the_units_are_those_that_the_editor_asks_for(tmp_path: Path) -> None:
    text = 'exporters: {otlp/😀: {endpoint: "fd00::5:4317"}}\n'

    async def run() -> None:
        editor = Editor(tmp_path)
        told = await editor.start(encodings=[types.PositionEncodingKind.Utf8])
        assert told.capabilities.position_encoding == types.PositionEncodingKind.Utf8
        editor.open("collector.yaml", text)
        [found] = [x for x in await editor.diagnostics("collector.yaml") if x.code == "DS101"]
        assert found.range.start.character == len(text[: text.index('"')].encode())
        assert await editor.stop() == 0

    asyncio.run(run())


def test_without_pygls_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from dualstack.cli.lsp import command

    monkeypatch.setitem(sys.modules, "dualstack.editor.server", None)
    done = CliRunner().invoke(command, [])
    assert done.exit_code == 2
    assert "pip install 'dualstack[lsp]'" in done.output
