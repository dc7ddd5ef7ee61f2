"""CMMLU: Chinese questions in 67 subjects, many of them about China, four options.

Paper: Li et al., "CMMLU: Measuring massive multitask language understanding in Chinese", 2023,
https://arxiv.org/abs/2306.09212 (repository haonan-li/CMMLU). Licence: CC BY-NC-SA 4.0. Items: 11582 (test); 335 (dev,
five a subject) give the worked examples.

Rows: the repository's test/SUBJECT.csv and the hub's haonan-li/cmmlu, one configuration a subject, alike: Question, A,
B, C, D, Answer.

Prompt: Chinese, names the subject, five worked examples. Headline: macro over subjects, the official overall.
Categories: the repository's four groups; its fifth, which cuts across them, is `china_specific` in a sample's meta.

Protocols: as C-Eval's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import ChineseExam, below, choice_sample, field
from evalcore.types import Sample

GROUPS = {
    "STEM": """anatomy 解剖学 astronomy 天文学 college_actuarial_science 大学精算学
        college_engineering_hydrology 大学工程水文学 college_mathematics 大学数学
        college_medical_statistics 大学医学统计 conceptual_physics 概念物理学 electrical_engineering 电气工程
        elementary_mathematics 初等数学 genetics 遗传学 high_school_biology 高中生物
        high_school_chemistry 高中化学 computer_science 计算机科学 high_school_mathematics 高中数学
        high_school_physics 高中物理学 machine_learning 机器学习 virology 病毒学""",
    "Humanities": """arts 艺术学 chinese_history 中国历史 chinese_literature 中国文学 college_law 大学法律
        global_facts 全球事实 international_law 国际法学 jurisprudence 法理学 logical 逻辑学
        marxist_theory 马克思主义理论 philosophy 哲学 professional_law 专业法学 world_history 世界历史
        world_religions 世界宗教""",
    "Social Science": """ancient_chinese 古汉语 business_ethics 商业伦理 chinese_civil_service_exam 中国公务员考试
        chinese_food_culture 中国饮食文化 chinese_foreign_policy 中国外交政策
        chinese_teacher_qualification 中国教师资格 college_education 大学教育学 economics 经济学 education 教育学
        elementary_chinese 小学语文 ethnology 民族学 high_school_geography 高中地理 high_school_politics 高中政治
        journalism 新闻学 management 管理学 marketing 市场营销 modern_chinese 现代汉语
        professional_accounting 专业会计 professional_psychology 专业心理学 public_relations 公共关系
        security_study 安全研究 sociology 社会学""",
    "Other": """agronomy 农学 chinese_driving_rule 中国驾驶规则 clinical_knowledge 临床知识
        college_medicine 大学医学 computer_security 计算机安全 construction_project_management 建设工程管理
        elementary_commonsense 小学常识 elementary_information_and_technology 小学信息技术 food_science 食品科学
        human_sexuality 人类性行为 legal_and_moral_basis 法律与道德基础 nutrition 营养学
        professional_medicine 专业医学 sports_science 体育学 traditional_chinese_medicine 中医中药""",
}
CHINA_SPECIFIC = """ancient_chinese chinese_civil_service_exam chinese_driving_rule chinese_food_culture
    chinese_foreign_policy chinese_history chinese_literature chinese_teacher_qualification
    construction_project_management elementary_chinese elementary_commonsense ethnology high_school_politics
    modern_chinese traditional_chinese_medicine"""
CATEGORY = {subject: group for group, words in GROUPS.items() for subject in words.split()[::2]}
CHINESE = {subject: name for words in GROUPS.values() for subject, name in zip(*[iter(words.split())] * 2, strict=True)}


class Cmmlu(ChineseExam):
    name = "cmmlu"
    info = Info(
        "CMMLU", "https://arxiv.org/abs/2306.09212", "CC BY-NC-SA 4.0", 11582, ("knowledge", "choice", "chinese")
    )
    source = Source(
        local={
            "test": below("cmmlu", "test/{subset}.csv", "{subset}/test-*.parquet"),
            "dev": below("cmmlu", "dev/{subset}.csv", "{subset}/dev-*.parquet"),
        },
        shots_split="dev",
        huggingface="haonan-li/cmmlu",
        modelscope="evalscope/cmmlu",
        config="{subset}",
    )
    subsets = tuple(sorted(CATEGORY))
    subjects = CHINESE

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        return choice_sample(
            self.name,
            row,
            subset=subset,
            question=field(self.name, row, "Question", "question"),
            choices=[field(self.name, row, letter) for letter in "ABCD"],
            labels="ABCD",
            gold=field(self.name, row, "Answer", "answer"),
            category=CATEGORY.get(subset, ""),
            meta={"china_specific": True} if subset in CHINA_SPECIFIC.split() else {},
        )
