/** Runs `crash-writer.ts` until it ends, and holds the store that it leaves against what it had printed. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openSqliteStore } from '../sqlite.ts'
import { prefixEnd } from '../store.ts'
import { Listener } from './bench.ts'
import type { CrashPlan } from './crash-writer.ts'

const writer = join(import.meta.dirname, 'crash-writer.ts')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

/** A store that is written to in several lives. */
export class CrashingStore {
  readonly path: string
  /** Writes that were acknowledged. */
  acknowledged = 0
  #rows = new Map<string, { value: string; revision: number }>()
  /** Of the newest event that a watch was told of. */
  #seen = 1
  #number = 0
  #newest = 1
  #runs = 0

  constructor(path: string) {
    this.path = path
  }

  /** `around`: a program and its words that run the writer. `writes`: it is killed after so many. */
  async live(over: Partial<CrashPlan>, { around = [], writes }: { around?: readonly string[]; writes?: number }): Promise<Ended> {
    const plan: CrashPlan = { path: this.path, run: this.#runs++, from: this.#seen + 1, ...over }
    const words = [...around, process.execPath, '--disable-warning=ExperimentalWarning', writer, JSON.stringify(plan)]
    const child = spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    const exited = once(child, 'exit')
    let stderr = ''
    child.stderr.on('data', (chunk) => (stderr += chunk))
    let written = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const [word, ...rest] = line.split(' ')
      if (word === 'saw') this.#saw(Number(rest[0]), Number(rest[1]))
      else this.#wrote(rest as [string, string, string])
      if (word === 'wrote' && ++written === writes) child.kill('SIGKILL')
    }
    const [code, signal] = await exited
    return { code, signal, stderr }
  }

  #saw(revision: number, number: number): void {
    const follows = revision === this.#seen ? number === this.#number + 1 : revision === this.#seen + 1 && number === 0
    assert(follows, `after ${this.#seen}.${this.#number} a watch heard of ${revision}.${number}`)
    ;[this.#seen, this.#number] = [revision, number]
  }

  #wrote([key, value, text]: [string, string, string]): void {
    const revision = Number(text)
    if (revision > (this.#rows.get(key)?.revision ?? 0)) this.#rows.set(key, { value, revision })
    this.#newest = Math.max(this.#newest, revision)
    this.acknowledged++
  }

  /** Nothing acknowledged is lost, and a watch that goes on where it was hears all the rest, once. */
  async judge(): Promise<void> {
    const store = await openSqliteStore({ path: this.path, clock: new VirtualClock(), reserveBytes: 4096 })
    try {
      const found = await store.range({ key: '/', end: prefixEnd('/') })
      assert(found.revision >= this.#newest && found.revision >= this.#seen, 'the revision never goes back')
      const rows = new Map(found.rows.map((row) => [row.key, row]))
      for (const [key, { value, revision }] of this.#rows) {
        const row = rows.get(key)
        assert(row && row.revision >= revision, `${key} at ${revision} is lost`)
        if (row.revision === revision) assert.equal(Buffer.from(row.value).toString(), value)
      }
      const rest = Listener.below(store, '/', this.#seen + 1)
      await rest.current(store, found.revision)
      for (const { row } of rest.events) this.#saw(row.revision, row.subRevision)
      assert.equal(this.#seen, found.revision)
    } finally {
      await store.close()
    }
  }
}
