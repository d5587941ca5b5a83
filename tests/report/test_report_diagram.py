"""The diagram in the report: drawn where a program is installed, text where none is, and nothing but shapes."""

import re
from dataclasses import replace

import pytest

from opsonin.errors import ReportError
from opsonin.report import diagram
from opsonin.report.write import render
from report.make_record import small_trial

GRAPH = 'digraph model { a [label="dose < 3 & more", tooltip="a: k*x", URL="javascript:alert(1)"]; a -> b; }'
drawn = pytest.mark.skipif(diagram.program() is None, reason="neither graphviz-pure nor dot is installed")


@drawn
def test_the_picture_holds_shapes_text_and_tooltips_and_no_link():
    made = diagram.svg(GRAPH, "a small model")
    assert 'aria-label="a small model"' in made
    assert "dose &lt; 3 &amp; more" in made
    assert "<title>a: k*x</title>" in made
    assert "javascript" not in made
    assert set(re.findall(r"<(\w+)", made)) <= {*diagram.KEPT, "title"}


@drawn
def test_the_same_graph_gives_the_same_picture():
    assert diagram.svg(GRAPH) == diagram.svg(GRAPH)


@drawn
def test_a_graph_that_cannot_be_read_is_an_error_that_says_so():
    with pytest.raises(ReportError, match="did not draw the diagram"):
        diagram.svg("digraph { a -> ")


def test_without_a_program_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(diagram, "program", lambda: None)
    with pytest.raises(ReportError, match=r"opsonin\[diagram\]"):
        diagram.svg(GRAPH)


@pytest.mark.parametrize(("name", "error"), [("model.png", "as .svg or .dot"), ("file/model.dot", "cannot be written")])
def test_a_wrong_place_or_ending_is_named(tmp_path, name, error):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=error):
        diagram.write_diagram(GRAPH, tmp_path / name)


def test_a_dot_file_needs_no_program(tmp_path, monkeypatch):
    monkeypatch.setattr(diagram, "program", lambda: None)
    assert diagram.write_diagram(GRAPH, tmp_path / "deep" / "model.dot").read_text() == GRAPH


def page(dot):
    record = small_trial()
    record.manifest = replace(record.manifest, model={**(record.manifest.model or {}), "dot": dot})
    return render(record, [])


@drawn
def test_the_report_shows_the_diagram_among_the_methods():
    methods = page(GRAPH).split('id="methods"')[1]
    assert "Flow diagram of the model" in methods
    assert "<title>a: k*x</title>" in methods


def test_without_a_program_the_report_gives_the_graph_as_text(monkeypatch):
    monkeypatch.setattr(diagram, "program", lambda: None)
    methods = page(GRAPH).split('id="methods"')[1]
    assert "given as text for Graphviz" in methods
    assert "digraph model { a [label=&#34;dose &lt; 3" in methods
