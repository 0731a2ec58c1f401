"""placeholder"""
def check(forest, report):
    pass
