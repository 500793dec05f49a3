import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readSvg } from "../../../build/formats/svg.ts";

const drawing = readFileSync(new URL("../../fixtures/icons/drawing.svg", import.meta.url), "utf8");

function svg(content: string, attributes = 'viewBox="0 0 8 8"'): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${content}</svg>`;
}

test("a drawing is taken, with references inside of it", () => {
  expect(readSvg(drawing)).toEqual({ ok: true, width: 64, height: 64 });
});

test.each([
  ['<image href="data:image/png;base64,AAAA"/>'],
  ['<rect fill="url(#a)" style="filter: url( \'#b\' )"/>'],
  ['<a href="https://example.com"><rect/></a>'],
  ["<title>text( url(https://example.com)</title>"],
  ["<metadata><x:text xmlns:x='urn:x' x:onload='1'/></metadata>"],
  ["<animate onset='1'/>".replace("onset", "begin")],
])("%s is harmless", (content) => {
  expect(readSvg(svg(content)).ok).toBe(true);
});

test.each([
  ["<script>1</script>", /has a script/],
  ['<rect onload="x()"/>', /runs a script in onload/],
  ['<image href="https://example.com/a.png"/>', /refers to "https:\/\/example.com\/a.png" outside/],
  ['<image xlink:href="file:///etc/passwd"/>', /refers to "file:/],
  ['<image href="photo.png"/>', /refers to "photo.png" outside/],
  ['<use href="other.svg#a"/>', /refers to "other.svg#a" outside/],
  ['<image href="data:image/svg+xml;base64,AAAA"/>', /refers to "data:image\/svg/],
  ['<feImage href="x.png"/>', /refers to "x.png"/],
  ['<rect fill="url(https://example.com/a#b)"/>', /refers to "https:/],
  ["<style>rect { fill: url('a.svg#b') }</style>", /refers to "a.svg#b"/],
  ["<style><![CDATA[@import 'x.css';]]></style>", /imports a style sheet/],
  ["<style>@font-face { src: local(x) }</style>", /imports a style sheet or a font/],
  ["<text>Hi</text>", /has text, .*convert it to paths/],
  ["<foreignObject/>", /foreignObject/],
])("%s is refused", (content, reason) => {
  const reading = readSvg(svg(content));
  expect(reading.ok ? [] : reading.reasons).toEqual([expect.stringMatching(reason)]);
});

test("all faults at once, each once", () => {
  const reading = readSvg(svg('<text>a</text><text>b</text><script/><image href="a.png"/>'));
  expect(reading.ok ? [] : reading.reasons).toHaveLength(3);
});

test.each([
  ["", ["is not an SVG"]],
  ["hello", ["is not an SVG"]],
  ["<html/>", ["is not an SVG"]],
  ['<svg viewBox="0 0 1 1"/>', ["is not an SVG"]],
  ['<svg xmlns="http://www.w3.org/2000/svg"/>', ["has no size; give its svg element a viewBox"]],
  [svg("", 'width="0" height="0"'), ["has no size; give its svg element a viewBox"]],
  [`<!DOCTYPE svg [<!ENTITY a "b">]>${svg("")}`, ["declares entities in its document type; export it as plain SVG"]],
  [`<?xml-stylesheet href="a.css"?>${svg("")}`, ["links a style sheet"]],
])("%s: %j", (text, reasons) => {
  expect(readSvg(text)).toEqual({ ok: false, reasons });
});

test.each([
  ['width="64" height="64"', 64, 64],
  ['width="135.5mm" height="20mm"', 135.5, 20],
  ['width="100%" height="100%" viewBox="0 0 24 12"', 24, 12],
  ['width="1in" height="96" viewBox="0,0,5,5"', 5, 5],
])("the size of %s", (attributes, width, height) => {
  expect(readSvg(svg("", attributes))).toEqual({ ok: true, width, height });
});

test("cut off anywhere, it is refused", () => {
  for (let length = 0; length < drawing.trimEnd().length; length++) {
    expect(readSvg(drawing.slice(0, length)).ok, `${length} characters`).toBe(false);
  }
});

test("any text is answered", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(drawing.length), (noise, at) => {
      expect(typeof readSvg(noise).ok).toBe("boolean");
      expect(typeof readSvg(drawing.slice(0, at) + noise + drawing.slice(at)).ok).toBe("boolean");
    }),
  );
});
