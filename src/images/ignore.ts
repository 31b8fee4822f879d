/** `.dockerignore`, by Docker's rules: the last pattern that matches a path or a folder above it decides; `!` takes back in. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Ignored {
  /** Whether the path, relative and with forward slashes, is left out. */
  has(path: string): boolean
  /** Whether something below a folder that is left out may be taken back in. */
  readonly hasExceptions: boolean
}

/** Of every build, whatever the file says: what no application needs at run time. */
const always = [
  '.git',
  '.hg',
  '.svn',
  '.dockerignore',
  '.hokusai-tmp',
  'hokusai',
  '**/.DS_Store',
  '**/npm-debug.log',
  'node_modules/.cache',
  '**/__pycache__',
]

export async function readIgnored(directory: string): Promise<Ignored> {
  const file = join(directory, '.dockerignore')
  return ignoredBy(existsSync(file) ? await readFile(file, 'utf8') : '')
}

export function ignoredBy(text: string): Ignored {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
  const patterns = [...always, ...lines].map((line) => {
    const isException = line.startsWith('!')
    return { isException, matches: patternOf(isException ? line.slice(1).trim() : line) }
  })
  return {
    hasExceptions: patterns.some(({ isException }) => isException),
    has(path) {
      let isOut = false
      for (const { isException, matches } of patterns) if (isException === isOut && matches.test(path)) isOut = !isException
      return isOut
    },
  }
}

/** `*` and `?` within a name, `**` across folders, `[a-z]`; also what lies below a match. */
function patternOf(pattern: string): RegExp {
  const clean = pattern.replace(/^(?:\.?\/)+|\/+$/g, '')
  let source = ''
  for (let i = 0; i < clean.length; i++) {
    const char = clean[i] as string
    if (clean.startsWith('**', i)) {
      const isFolder = clean[i + 2] === '/'
      source += isFolder ? '(?:.*/)?' : '.*'
      i += isFolder ? 2 : 1
    } else if (char === '*') source += '[^/]*'
    else if (char === '?') source += '[^/]'
    else if (char === '[' && clean.indexOf(']', i) > i) {
      const end = clean.indexOf(']', i)
      source += clean.slice(i, end + 1).replace(/\\/g, '\\\\')
      i = end
    } else if (char === '\\' && i + 1 < clean.length) source += quoted(clean[++i] as string)
    else source += quoted(char)
  }
  return new RegExp(`^${source}(?:/|$)`, 's')
}

function quoted(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
