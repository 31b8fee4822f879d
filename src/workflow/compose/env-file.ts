/** `env_file` and `.env`: lines of `NAME=value`, with comments, quotes, `export`, and values over several lines in quotes. */
import { interpolate, type Variables } from './interpolate.ts'

/** Values may use those above them and `variables`. A name without `=` takes its value from there, or is left out. */
export function parseEnvFile(text: string, variables: Variables = {}): Record<string, string> {
  const values: Record<string, string> = {}
  const line =
    /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*(?:([=:])[ \t]*('[^']*'|"(?:\\.|[^"\\])*"|[^\n]*))?[ \t]*(?:#[^\n]*)?$/gm
  for (const [, name = '', sign, raw = ''] of text.replace(/\r\n?/g, '\n').matchAll(line)) {
    const known = { ...variables, ...values }
    if (sign === undefined) {
      const inherited = known[name]
      if (inherited !== undefined) values[name] = inherited
    } else values[name] = textOf(raw, known)
  }
  return values
}

function textOf(raw: string, known: Variables): string {
  if (raw.startsWith("'") && raw.endsWith("'") && raw.length > 1) return raw.slice(1, -1)
  if (raw.startsWith('"') && raw.endsWith('"') && raw.length > 1) {
    const text = raw.slice(1, -1).replace(/\\([nrt"\\$])/g, (_, char: string) => escapes[char] ?? char)
    return interpolate(text, known)
  }
  return interpolate(raw.replace(/(^|\s)#.*$/, '').trim(), known)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', $: '$$' }
