/** The machine itself, as the checks see it. Looks only: nothing here changes anything. */
import { spawn } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { findProgram } from '../provision.ts'
import type { Machine, Outcome } from './check.ts'

export function thisMachine(): Machine {
  return { uid: process.getuid?.() ?? 0, readText, facts, filesBelow, find: findProgram, run, space, isFree, resolve }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function facts(path: string): ReturnType<Machine['facts']> {
  try {
    const { mode, uid, mtimeMs } = statSync(path)
    return { mode: mode & 0o7777, uid, modified: mtimeMs }
  } catch {
    return undefined
  }
}

function filesBelow(path: string): readonly string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  } catch {
    return []
  }
}

/** A program that hangs is ended, and counts as failed. */
const longest = 10_000

function run(program: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(findProgram(program) ?? program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: longest })
    const parts = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (chunk) => (parts.stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk) => (parts.stderr += chunk))
    child.on('error', (error) => resolve({ code: undefined, stdout: '', stderr: error.message }))
    child.on('close', (code) => resolve({ code: code ?? undefined, ...parts }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

async function space(path: string): ReturnType<Machine['space']> {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, blocks, bsize, ffree, files } = await statfs(existing)
  // File systems without a fixed number of inodes report 0 of 0.
  return { freeBytes: bavail * bsize, free: bavail / Math.max(1, blocks), inodes: files > 0 ? ffree / files : 1 }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}

async function resolve(name: string, server: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  resolver.setServers([server])
  return resolver.resolve4(name)
}
