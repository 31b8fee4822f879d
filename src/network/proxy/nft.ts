/** Runs `nft`. A script is one transaction: the kernel takes all of it or nothing. */
import { spawn } from 'node:child_process'

export type RunNft = (script: string) => Promise<void>

export class NftError extends Error {}

/** `program` is the path of nft; scripts go through its standard input. */
export function nftRunner(program = 'nft'): RunNft {
  return (script) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
      let errors = ''
      child.stderr.on('data', (chunk) => {
        errors = (errors + chunk).slice(0, 4000)
      })
      child.on('error', (error) => reject(new NftError(`${program}: ${error.message}`, { cause: error })))
      child.on('close', (code) => (code === 0 ? resolve() : reject(new NftError(`nft: ${errors.trim() || `exit code ${code}`}`))))
      child.stdin.on('error', () => {})
      child.stdin.end(script)
    })
}
