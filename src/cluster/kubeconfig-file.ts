/** The user's kubeconfig: our context is put in beside the others, which stay as they are, comments included. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Document, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { replaceFile } from './data-directory.ts'
import { type Entry, kubeconfigParts } from './kubeconfig-text.ts'

export class KubeconfigError extends Error {}

/** The text with our entry in it; undefined when it stands there already. The current context is set only where there is none. */
export function mergedText(text: string, entry: Entry): string | undefined {
  const document = read(text)
  const before = document.toString()
  for (const [list, value] of Object.entries(kubeconfigParts(entry))) setNamed(document, list, { name: entry.name, ...value })
  setNamed(document, 'contexts', { name: entry.name, context: { cluster: entry.name, user: entry.name } })
  if (!document.get('current-context')) document.set('current-context', entry.name)
  const after = document.toString({ lineWidth: 0 })
  return text !== '' && after === before ? undefined : after
}

/** The text without the entry of that name; undefined when there was none. */
export function withoutEntry(text: string, name: string): string | undefined {
  const document = read(text)
  let removed = false
  for (const list of ['clusters', 'users', 'contexts']) {
    const items = document.get(list) as YAMLSeq<YAMLMap> | undefined
    const at = items?.items?.findIndex((item) => item.get('name') === name) ?? -1
    if (at < 0) continue
    items?.items.splice(at, 1)
    removed = true
  }
  if (document.get('current-context') === name) document.set('current-context', '')
  return removed ? document.toString({ lineWidth: 0 }) : undefined
}

function read(text: string): Document {
  const document = parseDocument(text.trim() === '' ? '{}' : text)
  const [error] = document.errors
  if (error) throw new KubeconfigError(error.message, { cause: error })
  if (text.trim() !== '') return document
  return parseDocument('apiVersion: v1\nkind: Config\npreferences: {}\nclusters: []\nusers: []\ncontexts: []\n')
}

function setNamed(document: Document, list: string, item: { readonly name: string; readonly [part: string]: unknown }): void {
  let items = document.get(list) as YAMLSeq<YAMLMap> | null | undefined
  if (!items?.items) {
    document.set(list, document.createNode([]))
    items = document.get(list) as YAMLSeq<YAMLMap>
  }
  const node = document.createNode(item) as YAMLMap
  const at = items.items.findIndex((one) => one.get('name') === item.name)
  if (at < 0) items.items.push(node)
  else if (JSON.stringify(items.items[at]?.toJSON()) !== JSON.stringify(item)) items.items[at] = node
  items.flow = false
}

/** Changes the file at `path`, keeping a copy of what stood there as `<path>.before-nami`. Answers whether anything changed. */
export function editFile(path: string, change: (text: string) => string | undefined): boolean {
  const target = existsSync(path) ? realpathSync(path) : path
  const old = existsSync(target) ? readFileSync(target, 'utf8') : ''
  let text: string | undefined
  try {
    text = change(old)
  } catch (error) {
    throw new KubeconfigError(`${path}: ${(error as Error).message}`, { cause: error })
  }
  if (text === undefined) return false
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
  const copy = `${target}.before-nami`
  if (old !== '' && !existsSync(copy)) copyFileSync(target, copy)
  replaceFile(target, text, 0o600)
  return true
}
