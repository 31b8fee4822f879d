/**
 * Where a service stands for another name (`ExternalName`), that name's answer belongs to the answer: programs' resolvers do not ask on
 * (RFC 1034, 4.3.2).
 */
import { decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet'
import type { Random } from '#lib/random.ts'
import type { Forwarder } from './forward.ts'
import { type Answer, type ClusterNames, type DnsRecord, lookUp } from './records.ts'

export interface AliasMeans {
  readonly names: ClusterNames
  readonly domain: string
  readonly random: Random
  readonly forwarder: Forwarder
}

type Wire = NonNullable<Packet['answers']>[number]

export interface Followed {
  readonly exists: boolean
  /** In the order in which they were found. */
  readonly records: readonly DnsRecord[]
  /** What other servers said, with their times. */
  readonly foreign: readonly Wire[]
}

/** Longer ways are taken for circles. */
const longestWay = 8

/** When nobody tells of the other name, the alias alone is the answer. */
export async function followAliases(found: Answer, type: string, means: AliasMeans): Promise<Followed> {
  const records = [...found.records]
  for (let step = 0; step < longestWay; step++) {
    const last = records.at(-1)
    if (type === 'CNAME' || last?.type !== 'CNAME') break
    const next = lookUp(last.data.toLowerCase(), type, means)
    if (!next) return { records, ...(await askOthers(last.data, type, means)) }
    if (!next.exists) return { exists: false, records, foreign: [] }
    if (next.records.length === 0) break
    records.push(...next.records)
  }
  return { exists: found.exists, records, foreign: [] }
}

async function askOthers(name: string, type: string, { forwarder, random }: AliasMeans): Promise<Omit<Followed, 'records'>> {
  const questions = [{ type, name } as NonNullable<Packet['questions']>[number]]
  const id = Math.floor(random.next() * 65_536)
  const answer = await forwarder.ask(encode({ type: 'query', id, flags: RECURSION_DESIRED, questions }))
  const reply = answer && decoded(answer)
  if (!reply) return { exists: true, foreign: [] }
  const foreign = (reply.answers ?? []).filter((record) => record.type === type || record.type === 'CNAME')
  return { exists: (reply as { rcode?: string }).rcode !== 'NXDOMAIN', foreign }
}

function decoded(answer: Buffer): Packet | undefined {
  try {
    return decode(answer)
  } catch {
    return undefined
  }
}
