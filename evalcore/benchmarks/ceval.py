"""C-Eval: Chinese exams in 52 subjects, from middle school to professional certificates, four options.

Paper: Huang et al., "C-Eval: A Multi-Level Multi-Discipline Chinese Evaluation Suite for Foundation Models", 2023,
https://arxiv.org/abs/2305.08322 (repository hkust-nlp/ceval). Licence: CC BY-NC-SA 4.0. Items: 1346 (val, answers are
public and scored here); 12342 (test, answers on a server only); dev, five a subject, gives the worked examples.

Rows: the hub's ceval/ceval-exam, one configuration a subject, and the original's val/SUBJECT_val.csv alike: id,
question, A, B, C, D, answer; a jsonl of all subjects has the column subject.

Prompt: Chinese, names the subject, five worked examples. Headline: macro over subjects, the official overall;
lm-evaluation-harness reports micro. Categories: the paper's four groups.

Protocols: last_statement (ours, headline); simple_evals_languages; leading_letter (few-shot runs of base models cut
after a few tokens); exact_letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import ChineseExam, below, choice_sample, field
from evalcore.types import Sample

GROUPS = {
    "STEM": """computer_network 计算机网络 operating_system 操作系统 computer_architecture 计算机组成
        college_programming 大学编程 college_physics 大学物理 college_chemistry 大学化学 advanced_mathematics 高等数学
        probability_and_statistics 概率统计 discrete_mathematics 离散数学 electrical_engineer 注册电气工程师
        metrology_engineer 注册计量师 high_school_mathematics 高中数学 high_school_physics 高中物理
        high_school_chemistry 高中化学 high_school_biology 高中生物 middle_school_mathematics 初中数学
        middle_school_biology 初中生物 middle_school_physics 初中物理 middle_school_chemistry 初中化学
        veterinary_medicine 兽医学""",
    "Social Science": """college_economics 大学经济学 business_administration 工商管理 marxism 马克思主义基本原理
        mao_zedong_thought 毛泽东思想和中国特色社会主义理论体系概论 education_science 教育学
        teacher_qualification 教师资格 high_school_politics 高中政治 high_school_geography 高中地理
        middle_school_politics 初中政治 middle_school_geography 初中地理""",
    "Humanities": """modern_chinese_history 近代史纲要 ideological_and_moral_cultivation 思想道德修养与法律基础
        logic 逻辑学 law 法学 chinese_language_and_literature 中国语言文学 art_studies 艺术学
        professional_tour_guide 导游资格 legal_professional 法律职业资格 high_school_chinese 高中语文
        high_school_history 高中历史 middle_school_history 初中历史""",
    "Other": """civil_servant 公务员 sports_science 体育学 plant_protection 植物保护 basic_medicine 基础医学
        clinical_medicine 临床医学 urban_and_rural_planner 注册城乡规划师 accountant 注册会计师
        fire_engineer 注册消防工程师 environmental_impact_assessment_engineer 环境影响评价工程师
        tax_accountant 税务师 physician 医师资格""",
}
CATEGORY = {subject: group for group, words in GROUPS.items() for subject in words.split()[::2]}
CHINESE = {subject: name for words in GROUPS.values() for subject, name in zip(*[iter(words.split())] * 2, strict=True)}


class CEval(ChineseExam):
    name = "ceval"
    info = Info(
        "C-Eval", "https://arxiv.org/abs/2305.08322", "CC BY-NC-SA 4.0", 1346, ("knowledge", "choice", "chinese")
    )
    source = Source(
        local={
            "val": below("ceval", "val/{subset}_val.csv", "{subset}/val-*.parquet", "val*.jsonl*"),
            "dev": below("ceval", "dev/{subset}_dev.csv", "{subset}/dev-*.parquet", "dev*.jsonl*"),
        },
        eval_split="val",
        shots_split="dev",
        huggingface="ceval/ceval-exam",
        modelscope="evalscope/ceval",
        config="{subset}",
    )
    subsets = tuple(sorted(CATEGORY))
    subjects = CHINESE

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        subject = row.get("subject") or subset
        return choice_sample(
            self.name,
            row,
            subset=subject,
            question=field(self.name, row, "question"),
            choices=[field(self.name, row, letter) for letter in "ABCD"],
            labels="ABCD",
            gold=field(self.name, row, "answer"),
            category=CATEGORY.get(subject, ""),
        )
