"""stub"""
class InfiniteTable: ...
def infinite_table(group): raise NotImplementedError
def reduce_infinite(c, t): raise NotImplementedError
