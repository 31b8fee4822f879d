/**
 * Files of environment variables in volumes (KEP-3721): `NAME='value'`, in single quotes, which may hold line ends and nothing
 * that is special. Texts of errors: upstream's `pkg/kubelet/util/env`.
 */

/** '' where the key is not in there. Lines behind the key are not looked at. */
export function parseEnvFile(text: string, key: string): string {
  const lines = text.split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] as string).replace(/^[ \t]+/, '')
    if (line === '' || line.startsWith('#')) continue
    const number = index + 1
    const [, name, value] = /^([^=]*)=(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw invalid(number, "missing '='")
    if (name.trim() === '') throw invalid(number, 'empty variable name')
    if (/[ \t]$/.test(name)) throw invalid(number, "whitespace before '=' is not allowed")
    const isWanted = name === key
    if (/^[ \t]/.test(value)) {
      if (isWanted) return ''
      continue
    }
    if (!value.startsWith("'")) throw invalid(number, 'value must be enclosed in single quotes')
    let rest = value.slice(1)
    const parts: string[] = []
    while (!rest.includes("'")) {
      parts.push(rest)
      index++
      if (index >= lines.length) {
        throw new Error(`invalid environment variable format starting at line ${number}: unclosed single quote`)
      }
      rest = lines[index] as string
    }
    const end = rest.indexOf("'")
    if (!/^[ \t]*(#|$)/.test(rest.slice(end + 1))) throw invalid(index + 1, 'unexpected content after closing quote')
    if (isWanted) return [...parts, rest.slice(0, end)].join('\n')
  }
  return ''
}

function invalid(line: number, what: string): Error {
  return new Error(`invalid environment variable format at line ${line}: ${what}`)
}
