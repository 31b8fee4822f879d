/** Users of a registry in a file: names, scrypt hashes, and which repositories they may push to and pull from. */
import { scrypt, timingSafeEqual } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, matchesGlob } from 'node:path'
import { promisify } from 'node:util'
import type { Random } from '#lib/random.ts'
import type { Action, Rights } from './access.ts'
import { readIfThere, replaceDurably } from './disk.ts'

interface User {
  readonly salt: string
  readonly hash: string
  /** Patterns of repositories; `*` does not cross a slash, `**` does. */
  readonly pull: readonly string[]
  readonly push: readonly string[]
}

type Users = Readonly<Record<string, User>>

const derive = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>

/** The file is read at every attempt: changes count at once, and attempts are rare, since tokens follow. */
export async function rightsOfUser(file: string, name: string, password: string): Promise<Rights | undefined> {
  const users = await readUsers(file)
  const user = Object.hasOwn(users, name) ? users[name] : undefined
  // An unknown user costs as much time as a known one.
  const hash = await derive(password, Buffer.from(user?.salt ?? '00', 'hex'), 32)
  if (!user || !timingSafeEqual(hash, Buffer.from(user.hash, 'hex'))) return undefined
  const patterns: Record<Action, readonly string[]> = { pull: [...user.pull, ...user.push], push: user.push, delete: user.push }
  return { user: name, may: (action, repository) => patterns[action].some((pattern) => matchesGlob(repository, pattern)) }
}

export async function setUser(
  file: string,
  name: string,
  { password, pull, push, random }: { password: string; pull: readonly string[]; push: readonly string[]; random: Random },
): Promise<void> {
  const salt = Buffer.from(random.bytes(16))
  const hash = await derive(password, salt, 32)
  const user: User = { salt: salt.toString('hex'), hash: hash.toString('hex'), pull, push }
  await saveUsers(file, { ...(await readUsers(file)), [name]: user }, random)
}

export async function removeUser(file: string, name: string, random: Random): Promise<boolean> {
  const { [name]: gone, ...others } = await readUsers(file)
  if (gone) await saveUsers(file, others, random)
  return gone !== undefined
}

export async function readUsers(file: string): Promise<Users> {
  const text = await readIfThere(file)
  return text ? (JSON.parse(text.toString()) as Users) : {}
}

async function saveUsers(file: string, users: Users, random: Random): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await replaceDurably(file, `${JSON.stringify(users, null, 2)}\n`, random.uuid())
}
