/**
 * The sandbox ("pause") image, written by code so that a first start needs no registry: a static program that ignores
 * SIGCHLD, which lets the kernel reap the orphans of a shared process namespace, and then waits for ever.
 */

import { assemble } from './assemble.ts'
import type { BlobStore, Image } from './image.ts'
import { layerOf } from './layer.ts'

export const pauseReference = 'localhost/nami/pause:1'

type Architecture = 'amd64' | 'arm64'

/** The image for one architecture, with its blobs written to `blobs`. */
export async function pauseImage(blobs: BlobStore, architecture: Architecture): Promise<Image> {
  const entries = [{ path: 'pause', mode: 0o755, content: pauseProgram(architecture) }]
  const layer = await layerOf(blobs, entries, { compression: 'gzip' })
  return assemble(blobs, { architecture, layers: [layer], config: { Entrypoint: ['/pause'], User: '65535:65535' } })
}

const loadAddress = 0x400000
const headerSize = 64 + 56

/** A whole ELF64 executable with one loadable segment. */
export function pauseProgram(architecture: Architecture): Uint8Array {
  const code = architecture === 'amd64' ? amd64() : arm64()
  const file = Buffer.alloc(headerSize + code.length)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) // magic, 64 bit, little endian, version 1
  file.writeUInt16LE(2, 16) // executable
  file.writeUInt16LE(architecture === 'amd64' ? 62 : 183, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(loadAddress + headerSize), 24) // entry
  file.writeBigUInt64LE(64n, 32) // program headers follow at once
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(1, 56)
  file.writeUInt32LE(1, 64) // PT_LOAD
  file.writeUInt32LE(5, 68) // read, execute
  file.writeBigUInt64LE(BigInt(loadAddress), 80)
  file.writeBigUInt64LE(BigInt(loadAddress), 88)
  file.writeBigUInt64LE(BigInt(file.length), 96)
  file.writeBigUInt64LE(BigInt(file.length), 104)
  file.writeBigUInt64LE(0x1000n, 112)
  file.set(code, headerSize)
  return file
}

/** `struct sigaction` with SIG_IGN: handler 1, no flags, no restorer, empty mask. */
const ignore = Buffer.from([1, ...new Array(31).fill(0)])

function amd64(): Buffer {
  const text = [
    0xb8,
    13,
    0,
    0,
    0, // mov eax, rt_sigaction
    0xbf,
    17,
    0,
    0,
    0, // mov edi, SIGCHLD
    0x48,
    0x8d,
    0x35,
    0,
    0,
    0,
    0, // lea rsi, [rip + ignore]
    0x31,
    0xd2, // xor edx, edx
    0x41,
    0xba,
    8,
    0,
    0,
    0, // mov r10d, 8
    0x0f,
    0x05, // syscall
    0xb8,
    34,
    0,
    0,
    0, // mov eax, pause
    0x0f,
    0x05, // syscall
    0xeb,
    0xf7, // jmp to the mov before
  ]
  const afterLea = 17
  text[13] = text.length - afterLea
  return Buffer.concat([Buffer.from(text), ignore])
}

function arm64(): Buffer {
  const move = (register: number, value: number) => 0xd2800000 + value * 32 + register
  const call = 0xd4000001
  const words = [
    move(8, 134), // rt_sigaction
    move(0, 17), // SIGCHLD
    0, // adr x1, ignore
    move(2, 0),
    move(3, 8),
    call,
    move(8, 73), // ppoll
    move(0, 0),
    move(1, 0),
    move(2, 0),
    move(3, 0),
    call,
    0x14000000 + ((-6 >>> 0) & 0x3ffffff), // b to the first move of ppoll
  ]
  const distance = (words.length - 2) * 4
  words[2] = 0x10000000 + (distance >> 2) * 32 + 1
  const text = Buffer.alloc(words.length * 4)
  for (const [i, word] of words.entries()) text.writeUInt32LE(word >>> 0, i * 4)
  return Buffer.concat([text, ignore])
}
