/** etcd's KV service. */
import type { DeleteMessage, PutMessage, RangeMessage, RequestOp, TxnMessage } from '../etcd/messages.ts'
import type { Cause } from '../store.ts'
import { answerRange } from './answer-range.ts'
import { answerTxn } from './answer-txn.ts'
import type { Context, Method } from './serve.ts'

export function kvMethods({ store, header }: Context): Record<string, Method> {
  const single = async (operation: RequestOp, cause: Cause) => {
    const { answer, revision } = await answerTxn(store, { compare: [], success: [operation], failure: [] }, cause)
    return { response: answer.responses[0], header: header(revision) }
  }
  return {
    async Range(request: RangeMessage) {
      const { answer, revision } = await answerRange(store, request)
      return { ...answer, header: header(revision) }
    },
    async Put(request: PutMessage, { cause }) {
      const { response, header } = await single({ request_put: request }, cause)
      return { ...response?.response_put, header }
    },
    async DeleteRange(request: DeleteMessage, { cause }) {
      const { response, header } = await single({ request_delete_range: request }, cause)
      return { ...response?.response_delete_range, header }
    },
    async Txn(request: TxnMessage, { cause }) {
      const { answer, revision } = await answerTxn(store, request, cause)
      return { ...answer, header: header(revision) }
    },
    async Compact({ revision }: { revision: number }) {
      await store.compact(revision)
      return { header: header((await store.status()).revision) }
    },
  }
}
