/** nft in a network namespace of its own, for tests of rules. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock } from '#lib/clock.ts'
import { nftSession, type RunNft } from '#network/proxy/nft.ts'

export interface TestNft extends Disposable {
  readonly run: RunNft
}

/** As node:test takes it for `skip`. */
export const noNft: string | false =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('nft', ['--version']).status === 0
    ? false
    : 'needs Linux, root and nft'

let opened = 0

export function openNft(): TestNft {
  const name = `nami-nft-${process.pid}-${++opened}`
  execFileSync('ip', ['netns', 'add', name])
  const fake = fakeNft(`exec nsenter --net=/run/netns/${name} nft "$@"`)
  return {
    run: fake.run,
    [Symbol.dispose]() {
      fake[Symbol.dispose]()
      execFileSync('ip', ['netns', 'delete', name])
    },
  }
}

/** A shell script in nft's place. */
export function fakeNft(script: string): TestNft {
  const directory = mkdtempSync(join(tmpdir(), 'nami-nft-'))
  const program = join(directory, 'nft')
  writeFileSync(program, `#!/bin/sh\n${script}\n`)
  chmodSync(program, 0o755)
  const stop = new AbortController()
  return {
    run: nftSession({ program, clock, signal: stop.signal }),
    [Symbol.dispose]() {
      stop.abort()
      rmSync(directory, { recursive: true })
    },
  }
}
