/** PrioritySort lets pods of higher priority go first, and among equals those that came first. */
import { definePlugin } from '../framework/plugin.ts'
import { priorityOf } from '../framework/pod-facts.ts'

export const prioritySort = definePlugin({
  name: 'PrioritySort',
  requeueOn: [],
  compare: (a, b) => priorityOf(b.pod) - priorityOf(a.pod) || a.arrival - b.arrival,
})
