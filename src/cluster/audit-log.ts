/** The audit log: a file of lines that is turned over when it grows too large, and whose older parts go in time (upstream's lumberjack). */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { AuditBackend, AuditEvent } from '#apiserver/audit/event.ts'
import { type LogFormat, logLine } from '#apiserver/audit/log-line.ts'
import type { Clock } from '#lib/clock.ts'

export interface AuditLogOptions {
  /** `-` is standard output. */
  readonly path: string
  readonly format: LogFormat
  /** Megabytes; 0 takes 100. */
  readonly maxSize: number
  /** Days; 0 keeps them. */
  readonly maxAge: number
  /** 0 keeps all. */
  readonly maxBackups: number
  readonly compress: boolean
  readonly clock: Clock
  readonly onError: (error: unknown, doing: string) => void
}

/** Lines are with the kernel when `take` returns. */
export function auditLog(options: AuditLogOptions): AuditBackend & { write(events: readonly AuditEvent[]): void } {
  const { path, format, onError } = options
  const file = path === '-' ? undefined : new RotatedFile(options)
  const write = (events: readonly AuditEvent[]) => {
    const text = events.map((event) => logLine(event, format)).join('')
    if (file) file.write(text)
    else process.stdout.write(text)
  }
  return {
    name: 'log',
    write,
    take(events) {
      try {
        write(events)
      } catch (error) {
        onError(error, 'audit log')
      }
    },
    close: async () => file?.close(),
  }
}

const megabyte = 1024 * 1024
const day = 86_400_000

class RotatedFile {
  readonly #options: AuditLogOptions
  #descriptor: number | undefined
  #size = 0

  constructor(options: AuditLogOptions) {
    this.#options = options
    mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 })
    this.#open()
  }

  write(text: string): void {
    const bytes = Buffer.from(text)
    const limit = (this.#options.maxSize || 100) * megabyte
    if (this.#size > 0 && this.#size + bytes.length > limit) this.#rotate()
    if (this.#descriptor === undefined) this.#open()
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor as number, bytes, at)
    this.#size += bytes.length
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): void {
    this.#descriptor = openSync(this.#options.path, 'a', 0o600)
    this.#size = fstatSync(this.#descriptor).size
  }

  #rotate(): void {
    const { path, clock, compress, onError } = this.#options
    this.close()
    const extension = extname(path)
    const stem = path.slice(0, path.length - extension.length)
    const time = new Date(clock.now()).toISOString().replaceAll(':', '-').replace('Z', '')
    const old = `${stem}-${time}${extension}`
    renameSync(path, old)
    this.#open()
    try {
      if (compress) {
        writeFileSync(`${old}.gz`, gzipSync(readFileSync(old)), { mode: 0o600 })
        rmSync(old)
      }
      this.#dropOld()
    } catch (error) {
      onError(error, 'audit log')
    }
  }

  #dropOld(): void {
    const { path, maxAge, maxBackups, clock } = this.#options
    const extension = extname(path)
    const stem = `${basename(path, extension)}-`
    const backups = readdirSync(dirname(path))
      .filter((name) => name.startsWith(stem) && (name.endsWith(extension) || name.endsWith(`${extension}.gz`)))
      .sort()
      .reverse()
    backups.forEach((name, age) => {
      const time = name.slice(stem.length, stem.length + 23)
      const at = Date.parse(`${time.slice(0, 13)}:${time.slice(14, 16)}:${time.slice(17)}Z`)
      const isTooMany = maxBackups > 0 && age >= maxBackups
      const isTooOld = maxAge > 0 && at < clock.now() - maxAge * day
      if (isTooMany || isTooOld) rmSync(join(dirname(path), name), { force: true })
    })
  }
}
