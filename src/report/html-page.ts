import { createHash } from 'node:crypto';
import type { PageData } from './page-data.ts';

/** The script and the style of the page, as they are built. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/** What a page of ours begins with. */
export const PAGE_START = '<!doctype html>\n<html lang="en">\n<!-- ckpt-doctor report -->\n';

/**
 * One page that needs nothing beside it: script, style and data stand in it, and its policy lets it load and send nothing. Text from the
 * checkpoint stands in the data alone, from which no tag can break out, and the script shows it as text.
 */
export function htmlPage(data: PageData, { script, style }: PageAssets): string {
  const policy = [
    "default-src 'none'",
    `script-src '${digest(script)}'`,
    `style-src '${digest(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `${PAGE_START}<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escaped(data.file.name)} · ckpt-doctor</title>
<style>${style}</style>
</head>
<body>
<noscript>This page draws its charts and tables with the script that stands in it; let it run to see them.</noscript>
<script type="application/json" id="data">${embedded(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** As a Content Security Policy names what stands in the page. */
function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const UNSAFE = /[<>&\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;

/** JSON in which nothing ends the element that it stands in, begins a comment, or turns the direction of the source. */
export function embedded(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
