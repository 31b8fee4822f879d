/** What the sqlite engine's file says beside its rows: facts about the whole store, and its leases. Both have checksums of their own. */
import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { addSum, takeSum } from './sqlite-checksum.ts'
import type { Lease } from './store.ts'

/**
 * revision and compactRevision: of the store, where no row says more. sequence and total: of the newest row ever written, for when it has
 * left. removed: sum of the rows that have left. leases: sum of the leases that are there.
 */
export interface Facts {
  readonly revision: number
  readonly compactRevision: number
  readonly sequence: number
  readonly total: number
  readonly removed: number
  readonly lastLease: number
  readonly leases: number
}

/** In the order in which they came to pass: one group may end a lease and grant another of its number. */
export interface LeaseChange extends Lease {
  readonly ended: boolean
}

export const leaseTable = 'CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT'

export const setMeta = 'INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'

export function meta(database: DatabaseSync, name: string): number {
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as { value: number } | undefined
  return row?.value ?? 0
}

/** Belongs into a transaction, as everything here that writes. */
export function noteFacts(database: DatabaseSync, facts: Partial<Facts>): void {
  const set = database.prepare(setMeta)
  for (const [name, value] of Object.entries(facts)) set.run(name, value)
  set.run('crc', checksumOf(factsIn(database)))
}

export function noteLeases(database: DatabaseSync, changes: readonly LeaseChange[]): void {
  if (changes.length === 0) return
  const grant = database.prepare('INSERT INTO lease VALUES (?, ?, ?)')
  const end = database.prepare('DELETE FROM lease WHERE id = ? RETURNING crc')
  let [leases, lastLease] = [meta(database, 'leases'), meta(database, 'lastLease')]
  for (const { id, ttl, ended } of changes) {
    const crc = checksumOf([`lease ${id}`, ttl])
    if (ended) {
      const gone = end.get(id) as { crc: number } | undefined
      if (gone) leases = takeSum(leases, gone.crc)
      continue
    }
    grant.run(id, ttl, crc)
    leases = addSum(leases, crc)
    lastLease = Math.max(lastLease, id)
  }
  noteFacts(database, { leases, lastLease })
}

/** What is not as it was written, a sentence each. */
export function factFindings(database: DatabaseSync): string[] {
  const facts = factsIn(database)
  const sum = textOf(database, "SELECT CAST(value AS TEXT) AS text FROM meta WHERE name = 'crc'")
  if (sum !== `${checksumOf(facts)}`) return [`what it says of itself has a wrong checksum: ${facts.join(', ') || 'nothing'}`]
  const rows = database.prepare(
    'SELECT CAST(id AS TEXT) AS id, CAST(ttl AS TEXT) AS ttl, CAST(crc AS TEXT) AS crc FROM lease ORDER BY lease.id',
  )
  const findings: string[] = []
  let found = 0
  for (const { id, ttl, crc } of rows.all() as { id: string; ttl: string; crc: string }[]) {
    if (crc !== `${checksumOf([`lease ${id}`, ttl])}`) findings.push(`lease ${id} of ${ttl} s: its checksum is wrong`)
    found = addSum(found, Number(crc))
  }
  const expected = meta(database, 'leases')
  if (findings.length === 0 && found !== expected) findings.push('leases are missing or older than what was last written')
  return findings
}

/** As text, since what is damaged may be of any type and size; a name that is no text any more is not found by its name. */
function factsIn(database: DatabaseSync): string[] {
  const name = "CASE typeof(name) WHEN 'text' THEN name ELSE typeof(name) END"
  const rows = database.prepare(
    `SELECT ${name} || ' ' || CAST(value AS TEXT) AS text FROM meta WHERE name <> 'crc' ORDER BY name`,
  )
  return (rows.all() as { text: string }[]).map(({ text }) => text)
}

function textOf(database: DatabaseSync, query: string): string | undefined {
  return (database.prepare(query).get() as { text: string } | undefined)?.text
}

function checksumOf(parts: readonly (string | number)[]): number {
  return crc32(parts.join('\n'))
}
