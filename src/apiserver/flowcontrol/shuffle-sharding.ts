/** Deals each flow a hand of queues, so that two flows seldom share all of them (upstream `util/shufflesharding`). */
import { createHash } from 'node:crypto'

/** 64 bits that are the same for the same flow on every server. */
export function flowHash(schema: string, distinguisher: string): bigint {
  return createHash('sha256').update(`${schema},${distinguisher}`).digest().readBigUInt64LE(0)
}

/** Distinct numbers below `deckSize`, as many as the hand holds. */
export function deal(hash: bigint, { deckSize, handSize }: { deckSize: number; handSize: number }): number[] {
  const remainders: number[] = []
  let rest = hash
  for (let i = 0; i < handSize; i++) {
    const size = BigInt(deckSize - i)
    remainders.push(Number(rest % size))
    rest /= size
  }
  return remainders.map((remainder, i) => {
    let card = remainder
    for (let j = i; j > 0; j--) if (card >= (remainders[j - 1] as number)) card++
    return card
  })
}
