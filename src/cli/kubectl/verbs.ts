/** Every kubectl command and the file it lives in; only the one that is called gets loaded. */
import type { Verbs } from './verb.ts'

export const verbs: Verbs = {
  create: () => import('./create.ts'),
  expose: () => import('./expose.ts'),
  run: () => import('./run-pod.ts'),
  set: () => import('./set.ts'),
  explain: () => import('./explain.ts'),
  get: () => import('./get.ts'),
  edit: () => import('./edit.ts'),
  delete: () => import('./delete.ts'),
  rollout: () => import('./rollout.ts'),
  scale: () => import('./scale.ts'),
  'cluster-info': () => import('./cluster-info.ts'),
  cordon: () => import('./cordon.ts'),
  uncordon: () => import('./uncordon.ts'),
  drain: () => import('./drain.ts'),
  describe: () => import('./describe.ts'),
  logs: () => import('./logs.ts'),
  attach: () => import('./attach.ts'),
  exec: () => import('./exec.ts'),
  'port-forward': () => import('./port-forward.ts'),
  cp: () => import('./cp.ts'),
  auth: () => import('./auth.ts'),
  events: () => import('./events.ts'),
  apply: () => import('./apply.ts'),
  patch: () => import('./patch.ts'),
  wait: () => import('./wait.ts'),
  label: () => import('./label.ts'),
  annotate: () => import('./annotate.ts'),
  'api-resources': () => import('./api-resources.ts'),
  'api-versions': () => import('./api-versions.ts'),
  config: () => import('./config.ts'),
  version: () => import('./version.ts'),
}

/** Commands at most two letters away from the word, or that it begins. */
export function closest(word: string): string[] {
  return Object.keys(verbs)
    .filter((name) => distance(word.toLowerCase(), name) <= 2 || name.startsWith(word.toLowerCase()))
    .sort()
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next[j] = Math.min((next[j - 1] as number) + 1, (row[j] as number) + 1, (row[j - 1] as number) + same)
    }
    row = next
  }
  return row[b.length] as number
}
