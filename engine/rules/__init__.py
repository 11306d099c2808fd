"""The rules that shrink what is asked of the sources: a file each, a function each.

A rule takes a draft of the plan and gives one. It may only ask for less where the answer stays the
same, whatever the rows are; each says in its docstring why that is so. Their order is the tuple
`RULES` of `engine.planner`.
"""
